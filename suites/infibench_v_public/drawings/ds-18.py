import matplotlib.pyplot as plt
import numpy as np

n = 10
i, j = np.indices((n, n))
mask = (j <= i) & ((i - j <= 2) | (j == 0) | (i % 4 == 3))
fig, ax = plt.subplots(figsize=(4.6, 4.8))
ax.imshow(mask, cmap="Blues", vmin=0, vmax=1.3)
ax.set_xticks(range(n))
ax.set_yticks(range(n))
ax.set_xticks(np.arange(-0.5, n), minor=True)
ax.set_yticks(np.arange(-0.5, n), minor=True)
ax.grid(which="minor", color="w", lw=2)
ax.tick_params(which="minor", length=0)
ax.set_xlabel("key j")
ax.set_ylabel("query i")
ax.set_title("may attend (blue), n = 10")
fig.tight_layout()
plt.show()
