//go:build !linux

package servers

import "syscall"

func attributes(syscall.Signal) *syscall.SysProcAttr { return nil }

func halted(int) error { return nil }
