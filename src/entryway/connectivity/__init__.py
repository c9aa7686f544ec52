"""The cloud end: applications reach systems on premise through it, connectors dial into it.

- The pairing API (`build.build`) is part of the control plane: `pairing_api` with `authority` (who issues the
  connectors' certificates), `pairing` (tokens and connectors in the database) and `rate`.
- The data plane (`run.run`) is a process of its own without state: `gateway` and `tunnels` hold what connectors
  dialled, `proxy` answers applications in named steps: `calls` (what is asked), `callers` (who asks), and through the
  tunnel.
"""
