/**
 * What a file says about itself can't be, or is more than is worth reading. It tells nothing about whether the
 * file works, so it makes a verdict `unknown`.
 */
export class Unreadable extends Error {
  override readonly name = "Unreadable";
}
