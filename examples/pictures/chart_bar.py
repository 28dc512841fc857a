import matplotlib.pyplot as plt

plt.rcParams["font.size"] = 9

modes = ["Train", "Car", "Bicycle", "Bus", "Walking"]
values = [24, 14, 12, 38, 13]

fig, ax = plt.subplots(figsize=(4, 3), dpi=84)
ax.bar(modes, values, color="tab:green")
ax.grid(axis="y")
ax.set_title("Time by mode")
ax.set_xlabel("Mode")
ax.set_ylabel("Time (minutes)")
fig.tight_layout()
plt.show()
