import matplotlib.pyplot as plt

plt.rcParams["font.size"] = 11

# Exam score (points) against Hours of study (h/week)
hours_of_study = [
    22.4, 20.1, 10.4, 14.5, 15.4, 9.7, 8.6, 25.2, 22.4, 5.2, 23.4, 11.4, 13.0, 11.7,
    16.0, 21.3, 8.1, 17.2, 19.6, 19.0, 12.6, 21.0, 14.9, 19.1, 14.4, 13.2, 14.9,
    7.6, 12.1, 19.1,
]
exam_score = [
    79, 72, 41, 90, 72, 68, 43, 94, 64, 65, 77, 69, 72, 60, 71, 61, 77, 73, 55, 74,
    63, 79, 47, 77, 58, 71, 70, 50, 76, 66,
]

fig, ax = plt.subplots(figsize=(4.5, 3.5), dpi=120, layout="constrained")
ax.scatter(hours_of_study, exam_score, color="#3498db", alpha=0.8)
ax.set_xlabel("Hours of study (h/week)")
ax.set_ylabel("Exam score (points)")
ax.set_title("Exam score and hours of study\nof students", fontsize=15)
ax.grid(True, axis="y", linestyle="--", alpha=0.3)
ax.set_axisbelow(True)
ax.spines[["top", "right"]].set_visible(False)

plt.show()
