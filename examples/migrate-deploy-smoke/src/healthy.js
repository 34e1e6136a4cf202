// The containers' health check: exit code 0 when the path answers. Slim images have no curl, but they have Node.
const port = process.env.PORT ?? 8080
const response = await fetch(`http://127.0.0.1:${port}${process.argv[2]}`).catch(() => undefined)
process.exit(response?.ok ? 0 : 1)
