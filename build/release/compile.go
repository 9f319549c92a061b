package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// compile builds the daemon. Everything that would reach the binary from the machine is pinned: paths,
// Git's state, the toolchain, and the variables that choose instructions or experiments.
func (r release) compile(goos, goarch, file string) error {
	toolchain, err := goVersion()
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly",
		"-ldflags", "-s -w -buildid= -X main.version="+r.version, "-o", file, "./cmd/autorollback")
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0", "GOTOOLCHAIN="+toolchain,
		"GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=", "GODEBUG=", "GOFIPS140=off", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// goVersion is the toolchain that go.mod names: another one makes other bytes.
func goVersion() (string, error) {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if version, ok := strings.CutPrefix(line, "go "); ok {
			return "go" + strings.TrimSpace(version), nil
		}
	}
	return "", fmt.Errorf("go.mod names no Go version")
}
