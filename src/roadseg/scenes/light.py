"""Sun, shade and haze: how bright a surface is, how it fades with distance and where its shadow falls."""

from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]  # R, G, B in 0..255


@dataclass(frozen=True)
class Light:
    """What lights a scene: the sun, the sky, and the haze in the distance."""

    sun: np.ndarray  # (3,) unit vector towards the sun: x, y, z
    direct: float  # what a surface facing the sun gets above the ambient light
    ambient: float
    haze: Colour
    sight: float  # metres after which 1 - 1/e of a thing's colour is haze

    def shade(self, normal: np.ndarray) -> float:
        """Return the brightness of a surface with this unit normal, (3,) float."""
        return self.ambient + self.direct * max(0.0, float(normal @ self.sun))

    def fog(self, z: float) -> float:
        """Share of haze in what is seen at `z` metres."""
        return 1.0 - float(np.exp(-max(z, 0.0) / self.sight))

    def tone(self, colour: Colour, z: float, brightness: float = 1.0) -> Colour:
        """The colour as seen from `z` metres away."""
        fog = self.fog(z)
        keep = (1.0 - fog) * brightness
        red, green, blue = colour
        return red * keep + self.haze[0] * fog, green * keep + self.haze[1] * fog, blue * keep + self.haze[2] * fog

    def cast(self, outline: np.ndarray, height: float) -> np.ndarray:
        """Return the shadow (N, 2) of the outline, (N, 2) float x and z in metres, held at `height` metres."""
        return outline - self.sun[[0, 2]] * (height / self.sun[1])


def random_light(rng: np.random.Generator) -> Light:
    """Daylight between overcast (soft, no shadows to speak of) and clear (hard shadows)."""
    clear = rng.uniform(0.15, 1.0)
    azimuth, elevation = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1.1)
    sun = np.array([np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)])
    grey = rng.uniform(195, 225)
    haze = (grey - 12 * clear, grey, grey + 14 * clear)
    return Light(sun, 0.55 * clear, 0.92 - 0.32 * clear, haze, rng.uniform(160, 420))
