"""What people and integrators see: the HTTP interface, the live channel, sign-in, and the screens.

Start at `app.create_app`. `picture` folds the streams into what is true now; `present` says it as JSON and
`redact` takes away what a view may not see (both pure); `live` sends it on; `people` knows who is asking and
`access` what they may do. Nothing here waits for PostgreSQL except `history`.
"""
