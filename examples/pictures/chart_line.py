import matplotlib.pyplot as plt

# Score (points) by week
weeks = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
score = [44, 38, 49, 40, 44, 47, 46, 45, 48, 38, 44, 43]

plt.figure(figsize=(4.5, 3), layout="constrained")
plt.plot(weeks, score, color="#2f4b7c", marker="o", linewidth=2)
plt.xlabel("Week")
plt.ylabel("Score (points)")
plt.title("Points scored: Comets", fontsize=15, fontweight="bold")
plt.grid(True, linestyle="--", alpha=0.4)

plt.savefig("points_scored_comets.png")
