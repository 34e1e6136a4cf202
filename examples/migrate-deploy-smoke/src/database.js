import postgres from 'postgres'

/**
 * Connects as DATABASE_HOST, DATABASE_PORT, DATABASE_USER, DATABASE_PASSWORD and DATABASE_NAME say. When one is missing the
 * program ends at once and says which: a container that starts without its settings would only fail later.
 */
export function database(options = {}) {
  const { DATABASE_HOST, DATABASE_PORT = '5432', DATABASE_USER, DATABASE_PASSWORD, DATABASE_NAME } = process.env
  const required = { DATABASE_HOST, DATABASE_USER, DATABASE_PASSWORD, DATABASE_NAME }
  const missing = Object.keys(required).filter(name => !required[name])
  if (missing.length > 0) {
    console.error(`not set: ${missing.join(', ')}`)
    process.exit(2)
  }
  return postgres({
    host: DATABASE_HOST,
    port: Number(DATABASE_PORT),
    user: DATABASE_USER,
    password: DATABASE_PASSWORD,
    database: DATABASE_NAME,
    connect_timeout: 5,
    onnotice: () => {},
    ...options,
  })
}
