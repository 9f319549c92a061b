# One daemon with Consul as its store:
#
#   nomad var put nomad/jobs/autorollback receiver_token="$(openssl rand -hex 32)" web=@web.yml roles=@roles.yml
#   nomad job run -var runbooks=runbooks -var image=registry.example.com/autorollback:v0.0.0 autorollback.nomad.hcl

variable "image" {
  type = string
}
variable "runbooks" {
  description = "folder of runbooks on the machine where nomad job run is called"
  type        = string
}
variable "datacenters" {
  type    = list(string)
  default = ["*"]
}
variable "prometheus_url" {
  type    = string
  default = "http://prometheus.service.consul:9090"
}
variable "alertmanager_url" {
  type    = string
  default = "http://alertmanager.service.consul:9093"
}
variable "external_url" {
  type    = string
  default = "https://autorollback.example.com"
}
variable "data" {
  description = "host volume for evidence, the journal and the keys of links; user 65532 must be able to write there"
  type        = string
  default     = "autorollback"
}

job "autorollback" {
  datacenters = var.datacenters

  group "daemon" {
    network {
      port "web" { static = 9095 }
      port "receiver" { static = 9096 }
      port "metrics" { static = 9097 }
    }

    volume "data" {
      type   = "host"
      source = var.data
    }

    restart { # for ever: while it is down nobody rolls back
      attempts = 1000
      interval = "1h"
      delay    = "2s"
      mode     = "delay"
    }

    service {
      name = "autorollback"
      port = "web"
    }
    service {
      name = "autorollback-receiver"
      port = "receiver"
    }
    service {
      name = "autorollback-metrics"
      port = "metrics"
      check {
        type     = "http"
        path     = "/-/ready"
        interval = "5s"
        timeout  = "5s"
      }
    }

    task "autorollback" {
      driver       = "docker"
      user         = "65532"
      kill_timeout = "30s"

      config {
        image           = var.image
        network_mode    = "host" # Consul is the machine's own agent
        cap_drop        = ["all"]
        readonly_rootfs = true
        args = [
          "serve",
          "--runbooks=/local/runbooks",
          "--store=consul://127.0.0.1:8500",
          "--prometheus.url=${var.prometheus_url}",
          "--alertmanager.url=${var.alertmanager_url}",
          "--receiver.token-file=/secrets/receiver.token",
          "--web.config.file=/secrets/web.yml",
          "--web.roles.file=/secrets/roles.yml",
          "--web.external-url=${var.external_url}",
          "--metrics.listen-address=:9097",
        ]
      }

      volume_mount {
        volume      = "data"
        destination = "/data"
      }

      dynamic "template" {
        for_each = fileset(var.runbooks, "*.yaml")
        content {
          destination     = "local/runbooks/${template.value}"
          data            = file("${var.runbooks}/${template.value}")
          left_delimiter  = "{{{{" # a runbook is no template
          right_delimiter = "}}}}"
          change_mode     = "signal"
          change_signal   = "SIGHUP"
        }
      }
      dynamic "template" {
        for_each = { receiver_token = "receiver.token", web = "web.yml", roles = "roles.yml" }
        content {
          destination = "secrets/${template.value}"
          data        = "{{ with nomadVar \"nomad/jobs/autorollback\" }}{{ .${template.key} }}{{ end }}"
          perms       = "0400"
          uid         = 65532
          gid         = 65532
          change_mode = "noop" # it reads them at every request
        }
      }

      resources {
        cpu    = 200
        memory = 512
      }
    }
  }
}
