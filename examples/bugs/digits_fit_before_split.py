"""The scaler is fitted before the split: the test images have helped to prepare the training images."""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from examples.digits_vit import Digits, DigitsViT, accuracy, train


def load_scaled() -> tuple[Digits, Digits]:
    pixels, labels = load_digits(return_X_y=True)
    scaled = StandardScaler().fit_transform(pixels)  # BUG: fit-before-split [lint]
    train_pixels, test_pixels, train_labels, test_labels = train_test_split(scaled, labels, random_state=0)
    return (
        Digits(torch.from_numpy(train_pixels).float().view(-1, 8, 8), torch.from_numpy(train_labels)),
        Digits(torch.from_numpy(test_pixels).float().view(-1, 8, 8), torch.from_numpy(test_labels)),
    )


def main(epochs: int = 6) -> None:
    torch.manual_seed(0)
    training, test = load_scaled()
    model = DigitsViT()
    train(model, training, epochs)
    print(f"test accuracy {accuracy(model, test):.3f}, on images that the scaler had seen")


if __name__ == "__main__":
    main()
