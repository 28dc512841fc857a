import matplotlib.pyplot as plt
import numpy as np

months = np.arange(1, 13)
rain = [88, 61, 70, 49, 66, 74, 95, 90, 58, 64, 79, 92]
level = [210, 240, 330, 520, 610, 480, 390, 300, 205, 180, 150, 175]
fig, ax = plt.subplots(figsize=(6.4, 4))
bars = ax.bar(months, rain, color="tab:cyan", edgecolor="k", hatch="//", label="rain")
ax.set_ylabel("rain (mm)")
ax.set_xlabel("month")
other = ax.twinx()
(line,) = other.plot(months, level, color="darkred", marker="s", ls="--", label="river")
other.set_yscale("log")
other.set_ylabel("river level (cm, log)")
other.axhline(500, color="k", ls=":")
other.annotate("alarm", (11, 520))
ax.legend([bars, line], ["rain", "river"], loc="upper left")
ax.set_ylim(0, 140)
fig.tight_layout()
plt.show()
