"""The company end: it dials out to the gateway, and answers only what its one file of configuration exposes.

A request is answered in named steps (`handle`): which system it is for (`mappings`), whether its path is exposed
(`paths`), who the user is (`trust`, `principal`), a certificate that says so (`issuing`), and then the system itself
(`backends`), whose answer is put back into the words of the virtual host (`rewriting`).

- `configuration`: the file's format; `file`: how it is read and written; `pair`: how it gets its certificate
- `run`: the process; `dialling`: the control connection and the connections that the gateway asks for
"""
