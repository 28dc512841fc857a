import matplotlib.pyplot as plt
import numpy as np

rng = np.random.default_rng(11)
x = np.geomspace(1, 1000, 25)
y = 50 * x**-0.5
fig, ax = plt.subplots(figsize=(5.4, 4.4))
ax.loglog(x, y * np.exp(rng.normal(0, 0.12, 25)), "x", color="teal", label="measured")
ax.loglog(x, y, color="k", lw=1, label="fit")
ax.plot([4, 400], [25, 2.5], "o", mfc="none", mec="r", ms=11)
ax.annotate("(4, 25)", (4, 25), (8, 8), textcoords="offset points", color="r")
ax.annotate("(400, 2.5)", (400, 2.5), (-10, 14), textcoords="offset points", color="r")
ax.set_xlabel("distance r (m)")
ax.set_ylabel("signal s (mV)")
ax.grid(which="both", alpha=0.3)
ax.legend()
fig.tight_layout()
plt.show()
