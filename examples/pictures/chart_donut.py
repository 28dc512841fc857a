import matplotlib.pyplot as plt

plt.rcParams["font.size"] = 9

cities = ["Seoul", "Lisbon", "Berlin", "Dublin", "Madrid"]
values = [16, 16, 5.9, 13, 16]
colors = ["gray", "tab:brown", "tab:blue", "crimson", "hotpink"]

fig, ax = plt.subplots(figsize=(4, 3), dpi=84)
ax.pie(values, labels=cities, colors=colors, wedgeprops={"width": 0.4})
ax.set_title("Recycled, 2018")
fig.tight_layout()
plt.show()
