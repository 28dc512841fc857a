import matplotlib.pyplot as plt

plt.rcParams["font.size"] = 9

months = ["Aug", "Sep", "Oct", "Nov"]
values = [14, 31, 24, 29]

fig, ax = plt.subplots(figsize=(4, 3), dpi=84)
ax.scatter(months, values, color="crimson")
ax.grid(axis="y")
ax.set_title("Revenue: Action")
ax.set_xlabel("Month")
ax.set_ylabel("Revenue (million USD)")
fig.tight_layout()
plt.show()
