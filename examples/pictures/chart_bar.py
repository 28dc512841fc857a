import matplotlib.pyplot as plt

# Length of stay (days) by age group
age_groups = ["0-17", "18-29", "30-44", "45-59"]
length_of_stay = [13.0, 5.8, 3.0, 4.0]

fig, ax = plt.subplots(figsize=(4, 2.5))
ax.bar(age_groups, length_of_stay, color="#0f4c5c")
ax.set_xlabel("Age group")
ax.set_ylabel("Length of stay (days)")
ax.set_title("Average length of stay per age\ngroup in 2024", fontsize=13, loc="left")

plt.tight_layout()
plt.show()
