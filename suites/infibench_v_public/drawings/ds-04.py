import matplotlib.pyplot as plt
import numpy as np

rng = np.random.default_rng(5)
epoch = np.arange(1, 41)
train = 0.9 * np.exp(-epoch / 9) + 0.12 + rng.normal(0, 0.006, 40)
valid = (
    0.8 * np.exp(-epoch / 6)
    + 0.31
    + 0.00045 * np.clip(epoch - 14, 0, None) ** 2
    + rng.normal(0, 0.004, 40)
)
valid[16] = 0.352
fig, (a, b) = plt.subplots(2, 1, figsize=(6.2, 5.4), sharex=True)
a.plot(epoch, train, label="train")
a.plot(epoch, valid, label="validation", color="tab:orange")
a.plot(17, valid[16], "v", color="tab:orange", ms=9)
a.annotate("min 0.352 @ 17", (17, 0.352), (19, 0.6), arrowprops={"arrowstyle": "->"})
a.set_ylabel("loss")
a.legend()
rate = np.where(epoch < 10, 3e-3, np.where(epoch < 30, 3e-4, 3e-5))
b.step(epoch, rate, where="post", color="tab:green")
b.set_yscale("log")
b.set_ylabel("learning rate")
b.set_xlabel("epoch")
for ax in (a, b):
    ax.grid(alpha=0.3)
fig.tight_layout()
plt.show()
