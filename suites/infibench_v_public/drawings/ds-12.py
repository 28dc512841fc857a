import matplotlib.pyplot as plt

fpr = [0, 0.01, 0.03, 0.06, 0.11, 0.18, 0.30, 0.52, 1]
tpr = [0, 0.34, 0.55, 0.71, 0.83, 0.91, 0.95, 0.98, 1]
cut = [None, 0.95, 0.88, 0.79, 0.66, 0.48, 0.31, 0.12, None]
fig, ax = plt.subplots(figsize=(5.6, 4.8))
ax.plot(fpr, tpr, "o-", color="#7b1fa2")
ax.plot([0, 1], [0, 1], color="grey", ls="--", lw=1)
for x, y, c in zip(fpr, tpr, cut, strict=True):
    if c:
        ax.annotate(f"{c:.2f}", (x, y), (6, -11), textcoords="offset points", fontsize=9)
ax.set_xlabel("false positive rate")
ax.set_ylabel("true positive rate")
ax.set_title("ROC, labels are thresholds")
ax.grid(alpha=0.4)
ax.set_xticks([0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1])
ax.set_yticks([0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1])
fig.tight_layout()
plt.show()
