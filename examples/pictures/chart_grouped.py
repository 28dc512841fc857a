import matplotlib.pyplot as plt
import numpy as np

plt.rcParams["font.size"] = 9

# Rainfall (mm) by region
regions = ["South", "West", "Central"]
berlin = [130, 39, 29]
amsterdam = [153, 47, 22]
nairobi = [112, 43, 33]
x = np.arange(len(regions))
width = 0.27

plt.figure(figsize=(4, 3))
plt.bar(x - 1.0 * width, berlin, width, label="Berlin", color="#3498db")
plt.bar(x, amsterdam, width, label="Amsterdam", color="#e74c3c")
plt.bar(x + 1.0 * width, nairobi, width, label="Nairobi", color="#2ecc71")
plt.xticks(x, regions)
plt.xlabel("Region")
plt.ylabel("Rainfall (mm)")
plt.title("Monthly rainfall by region and city,\n2015", fontsize=11)
plt.grid(True, axis="y", linestyle=":", alpha=0.5)
plt.legend(loc="upper left", bbox_to_anchor=(1.02, 1))

plt.tight_layout()
plt.savefig("monthly_rainfall_by_region_and_city_2015.png")
