consul {
  address = "127.0.0.1:8500"
  retry { attempts = 0 } # it ends after 12 tries otherwise, and the split is frozen
}

# HAProxy loses a second SIGUSR2 that comes soon after the first: never two reloads at once.
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
  exec { command = "haproxy -c -q -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy || echo 'haproxy was not reloaded' >&2" }
}
