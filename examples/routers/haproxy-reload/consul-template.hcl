consul {
  address = "127.0.0.1:8500"
  retry { attempts = 0 } # it ends after 12 tries otherwise, and the split is frozen
}

# Writes that come together are one reload.
wait {
  min = "250ms"
  max = "1s"
}

template {
  source      = "/etc/consul-template/haproxy.cfg.ctmpl"
  destination = "/etc/haproxy/haproxy.cfg"
  perms       = 0644
  error_fatal = false # a document that cannot be read changes nothing

  # A file that HAProxy refuses is not loaded. A command that fails ends consul-template, which
  # does not repeat it after a restart: so it only says so.
  exec { command = "/usr/local/bin/reload-haproxy /etc/haproxy/haproxy.cfg http://127.0.0.1:8081/autorollback/split || echo 'haproxy was not reloaded' >&2" }
}
