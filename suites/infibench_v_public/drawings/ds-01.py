import matplotlib.pyplot as plt
import numpy as np

names = ["ash", "birch", "cedar", "elm"]
counts = np.array([[42, 3, 0, 5], [6, 27, 12, 5], [0, 4, 45, 1], [10, 0, 0, 40]])
fig, ax = plt.subplots(figsize=(5.2, 4.4))
image = ax.imshow(counts, cmap="Greens")
for i in range(4):
    for j in range(4):
        ax.text(
            j, i, counts[i, j], ha="center", va="center", color="w" if counts[i, j] > 25 else "k"
        )
ax.set_xticks(range(4), names)
ax.set_yticks(range(4), names)
ax.set_xlabel("predicted")
ax.set_ylabel("true")
ax.set_title("leaf-net, 200 pictures of the test set")
fig.colorbar(image, shrink=0.8)
fig.tight_layout()
plt.show()
