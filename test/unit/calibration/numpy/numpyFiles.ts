/** Files as NumPy 2.4 wrote them: x = np.arange(12).reshape(3, 2, 2), as x / 4 for floats and x - 6 for signed integers. */
import { inflateSync } from 'node:zlib';

const deflated = {
  f4: 'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBuk2airqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOgpGQKSpo1CrQB7gYgCDBjsgYc/A4ADEDUC8AIgPAPEDIGZwYGAQAGIFIDZwAAAeIiIi',
  f8big:
    'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBul2ahrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOgpGQKSpo1CrQB7gYoAC+wtQ+gGUfgGlP0DpL1D6B5T+A6EdoPodmKA0C5Rmg9AAx+4kxQ==',
  f2: 'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBuk2akrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOgpGQKSpo1CrQB7gYmBgMGGwYLBisGGwZbBjsGdwaHBgcGxwBAAQPx8m',
  f2big:
    'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBul2akrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOgpGQKSpo1CrQB7gYmAwYbBgsGKwYbBlsGOwZ3BgcGhwZHBsAAAS4x8o',
  i8big:
    'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBul2mhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOgpGQKSpo1CrQB7g+g8Bv6D0byj9B0r/hdL/oPR/BlTACKWZoDQzlGaB0qwAPxxLYw==',
  i2: 'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBuk2mkrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOgpGQKSpo1CrQB7g+vX/9/8////+//f//38GBkYGJgZmBhYGVgYAziUnfw==',
  u1: 'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBeU2qorqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOgpGQKSpo1CrQB7gYmBkYmZhZWPn4OTiBgDLTBwY',
  bool: 'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBek2SorqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOgpGQKSpo1CrQB7gYmRAQADBlhvJ',
  u4: 'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBuU2qirqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOgpGQKSpo1CrQB7gYoi7sIkRiJmAmBmIWYCYFYjZgJgdiDmAmBOIuYCYG4gBrDMyWw==',
  u8: 'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBuU2qhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOgpGQKSpo1CrQB7gYoACRijNBKWZoTQLlGaF0mxQmh1Kc0BpTigNM5AbSgMAyJwb3w==',
  fortran:
    'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBuk2airqOgnpZfVFKUmBefX5SSChIPKSpNBQoXZyQWpAK5GsY6CkZApKmjUKtAJuBiAIMGeyDhAMRA+gAQKwDZDXYMDAuAbAEg2wFIPwBiAwcA+vQh9w==',
  fortranBig:
    'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBul2mirqOgnpZfVFKUmBefX5SSChIPKSpNBQoXZyQWpAK5GsY6CkZApKmjUKtAJuD6////LyD+x8DAwASk/zBAAAuQ/RuI/wPZzEDqL5BmBGJWAC9lM0w=',
  objects:
    'eNqli7GKwkAURTNmRRDrrdNNhJDGRmwshC12cBTBwkLCmIwoaBLeTISggo1oYLq83d/djckneIoH97x7S76czlfEOllnGkkVAh059DKjnkO3CWgQcZBAJF/6SxyUrLzaiVRW2R14fc+5Ou/QvX38/FoN5jPOjmnuB2EC0j9mB70XACJH0wtAhkmsNGShxhJNu26i6cRRUymRWXeckA0+cIEuI8y+48427UjnqXxNWrMhFs/maxtyQc75919FfdhY46ZYo3tFQwQyojhrycr5//oQXGE=',
  text: 'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBuE2qkrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOpo6CrUKFACuRAYISALiZCAGAAnjHGw=',
  complex:
    'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBuk2yhrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RrGOgpGQKSpo1CrQB7gYoCDBnsowwFKQekGKL0ASh+A0g+gNIMjhBKA0gpQ2gBMAwDydiIu',
  records:
    'eNqb7BfqGxDJyFDGUK2eklqcXKRupRCtoZ6orqOgbpNpoq6po6ChngTmpQF5sUBGWn5RSVFiXnx+UUoqSLlbYk5xKlC8OCOxIBXI1zDUAeqqVSAGcDEygIEDADrSHX0=',
  scalar:
    'eNqb7BfqGxDJyFDGUK2eklqcXKRupaBuk2airqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RqaOgq1ChQBLgYGBQcAuRcbmw==',
  version2:
    'eNqb7BfqGxDJxFDCwMBQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GsY6CkZApKmjUKtADuBiAIMGOyBhz8DgAMQNQLwAiA8A8QMgZnBgYBAAYgUgNnAAAN+VIeE=',
  version3:
    'eNqb7BfqGxDJzFDCwMBQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GsY6CkZApKmjUKtADuBiAIMGOyBhz8DgAMQNQLwAiA8A8QMgZnBgYBAAYgUgNnAAAOA/IeI=',
  npz: 'eNoL8GZm0WWAAEWGT+kLL/6HAlYGEYYKvbyCSkYGAYYNUCUwerJfqG9AJCNDGUO1ekpqcXKRupWCuk2aibqOgnpaflFJUWJefH5RSipI3C0xpzgVKF6ckViQCuRrGOsoGAGRpo5CrQJ5gAviigY7IGHPwOAAxA1AvACIDwDxAyBmcGBgEABiBSA2cAhA8WaX1DlhmDe5gN7MSUxKzSmG+XUGVN0MvH7NtCDSrxR4E+JXJgZUwAilA7wZmXSZUSNvAzSOWJHUN4A1gKMSXQsoIGZAvcqFouU5kEQES4A3KxtInAkIs4H0brCRAD7ib1k=',
  npzCompressed:
    'eNoL8GZm0WVgYOAAYkWGT+kLL/6HAlYGEYYKvbyCSkYGAYYNDBCQCaVnvxF/JS1w8kTAsYC18yZFzYlZkrd0Qd7ktEXrFi+YNy0+JGjKDPH58VMmcQmVe5/R9GPtEk9XEVvC9FPqmBWXm8OSlYsDVjvIPUhiaGazVkg8f+ABwxFehz0MHfwMH5kV0goSEgQYklgVzAoYGAJQ3NcldU4Y5j4uoPtyEpNSc4phjpwBdZwXfkdmLiTsyFlWXFu5RBj01NhCDnAsZQzwZmTSZUYNJ1BQgIKFlQEBGhhBJDjU0LWAnA5yGMiRXChaFgBJhEcCvFnZQOJMQJgNpNXARgIAK6p4rg==',
};

export type NumpyFile = keyof typeof deflated;

export const numpyFile = (name: NumpyFile) => inflateSync(Buffer.from(deflated[name], 'base64'));
