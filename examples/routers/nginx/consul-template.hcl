consul {
  address = "127.0.0.1:8500"
  retry { attempts = 0 } # it ends after 12 tries otherwise, and the split is frozen
}

template {
  source      = "/etc/consul-template/ranker-split.conf.ctmpl"
  destination = "/etc/nginx/ranker-split.conf"
  perms       = 0644
  error_fatal = false # a document that cannot be read changes nothing

  # A file that nginx refuses is not loaded. A command that fails ends consul-template, which
  # does not repeat it after a restart: so it only says so.
  exec { command = "nginx -t -q && systemctl reload nginx || echo 'nginx was not reloaded' >&2" }
}
