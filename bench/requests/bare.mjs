// No authentication at all: what the framework alone costs.
const user = { name: 'User 7' };

export function guardOf() {
  return { userOf: () => user };
}
