/** For jest what packages/rehearsal does under Node: imports of JSON get the attribute that says so. */
export default {
  process: source => ({ code: source.replace(/^(import .* from "[^"]+\.json");$/gm, '$1 with { type: "json" };') }),
}
