import matplotlib.pyplot as plt
import numpy as np

rng = np.random.default_rng(2)
fig, axes = plt.subplots(1, 3, figsize=(8, 3.2))
for ax, site, top in zip(axes, ["coast", "hills", "valley"], [9, 40, 4], strict=True):
    ax.set_facecolor("#ebebeb")
    ax.grid(color="w")
    ax.set_axisbelow(True)
    for colour, shift in (("#F8766D", 0.0), ("#00BFC4", 0.25)):
        x = rng.uniform(0, 10, 22)
        ax.scatter(
            x, top * (0.05 + 0.06 * x + shift) + rng.normal(0, top / 18, 22), color=colour, s=14
        )
        ax.plot([0, 10], [top * (0.05 + shift), top * (0.65 + shift)], color=colour, lw=2)
    ax.set_title(site, fontsize=10, backgroundcolor="#d9d9d9")
    ax.set_xlabel("depth")
    ax.tick_params(length=0)
axes[0].set_ylabel("oxygen")
handles = [
    plt.Line2D([], [], color=c, marker="o", label=n)
    for c, n in (("#F8766D", "no"), ("#00BFC4", "yes"))
]
fig.legend(handles=handles, title="treated", loc="center right", frameon=False)
fig.subplots_adjust(right=0.86, bottom=0.18, left=0.08, wspace=0.3)
plt.show()
