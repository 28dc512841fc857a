import matplotlib.pyplot as plt

plt.rcParams["font.size"] = 9

cities = ["Zurich", "Prague", "Helsinki", "Osaka", "Dublin"]
values_1 = [290, 170, 350, 400, 400]
values_2 = [140, 290, 220, 380, 220]
places = range(len(cities))

fig, ax = plt.subplots(figsize=(4, 3), dpi=84)
ax.bar([p - 0.2 for p in places], values_1, 0.4, label="2014", color="crimson")
ax.bar([p + 0.2 for p in places], values_2, 0.4, label="2016", color="tab:red")
ax.set_xticks(places, cities)
ax.grid(axis="y")
ax.set_title("Spending by city")
ax.set_xlabel("City")
ax.set_ylabel("Spending (USD)")
ax.legend()
fig.tight_layout()
plt.show()
