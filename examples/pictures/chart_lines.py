import matplotlib.pyplot as plt

plt.rcParams["font.size"] = 9

months = ["Mar", "Apr", "May", "Jun"]
values_1 = [15, 33, 15, 21]
values_2 = [19, 17, 24, 12]
values_3 = [34, 25, 35, 28]

fig, ax = plt.subplots(figsize=(4, 3), dpi=84)
ax.plot(months, values_1, color="gray", label="Phones")
ax.plot(months, values_2, color="tab:orange", label="Printers")
ax.plot(months, values_3, color="tab:green", label="Monitors")
ax.grid(axis="y")
ax.set_title("Revenue")
ax.set_xlabel("Month")
ax.set_ylabel("Revenue (million USD)")
ax.legend()
fig.tight_layout()
plt.show()
