import matplotlib.pyplot as plt

sectors = ["Transport", "Agriculture", "Commercial"]
emissions = [231, 91, 598]

fig, ax = plt.subplots(figsize=(6.5, 4), dpi=100)
wedges, texts, percents = ax.pie(
    emissions,
    autopct="%1.1f%%",
    pctdistance=0.8,
    startangle=90,
    colors=["#2f4b7c", "#f95d6a", "#ffa600"],
    wedgeprops={"width": 0.4, "edgecolor": "white"},
)
for label, color in zip(percents, ["white", "white", "black"]):
    label.set_color(color)
ax.legend(sectors, loc="center left", bbox_to_anchor=(1, 0.5), fontsize=9)
ax.set_title("CO2 emissions by sector", fontsize=14, fontweight="bold")

plt.tight_layout()
plt.show()
