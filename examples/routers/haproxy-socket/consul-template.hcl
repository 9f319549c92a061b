consul {
  address = "127.0.0.1:8500"
  retry { attempts = 0 } # it ends after 12 tries otherwise, and the split is frozen
}

template {
  source      = "/etc/consul-template/ranker.map.ctmpl"
  destination = "/etc/haproxy/ranker.map"
  perms       = 0644
  error_fatal = false # a document that cannot be read changes nothing

  # A command that fails ends consul-template, which does not repeat it after a restart: so it
  # only says so. HAProxy reads the file itself when it starts.
  exec { command = "/usr/local/bin/load-map /etc/haproxy/ranker.map /run/haproxy/admin.sock || echo 'the map was not loaded' >&2" }
}
