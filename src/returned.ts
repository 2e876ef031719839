/** A constructor that returns an object gives that object the private fields of the classes that extend it. */
export class Returned {
  constructor(object: object) {
    return object;
  }
}
