import matplotlib.pyplot as plt

plt.rcParams["font.size"] = 9

age_groups = ["18-29", "45-59", "60-74", "0-17"]
values = [460, 310, 400, 700]

fig, ax = plt.subplots(figsize=(4, 3), dpi=84)
ax.barh(age_groups, values, color="tab:orange")
ax.set_title("Population, 2021")
ax.set_xlabel("Population (thousands)")
ax.set_ylabel("Age group")
fig.tight_layout()
plt.show()
