// Package deploy tests what the folder deploy, the Dockerfile and .dockerignore hold: a unit with
// systemd-analyze, a compose file with Compose's own loader. It starts no container and no unit.
package deploy
