package web

import (
	"context"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// bridge returns a slog logger for exporter-toolkit that writes to ours.
func bridge(log *zap.Logger) *slog.Logger { return slog.New(slogToZap{log}) }

type slogToZap struct{ log *zap.Logger }

func (h slogToZap) Enabled(_ context.Context, l slog.Level) bool {
	return h.log.Core().Enabled(zapLevel(l))
}

func (h slogToZap) Handle(_ context.Context, r slog.Record) error {
	fields := make([]zap.Field, 0, r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool {
		fields = append(fields, zap.Any(a.Key, a.Value.Resolve().Any()))
		return true
	})
	if entry := h.log.Check(zapLevel(r.Level), r.Message); entry != nil {
		entry.Write(fields...)
	}
	return nil
}

func (h slogToZap) WithAttrs(attrs []slog.Attr) slog.Handler {
	log := h.log
	for _, a := range attrs {
		log = log.With(zap.Any(a.Key, a.Value.Resolve().Any()))
	}
	return slogToZap{log}
}

// WithGroup is not used by the toolkit; names stay flat.
func (h slogToZap) WithGroup(string) slog.Handler { return h }

func zapLevel(l slog.Level) zapcore.Level {
	switch {
	case l >= slog.LevelError:
		return zapcore.ErrorLevel
	case l >= slog.LevelWarn:
		return zapcore.WarnLevel
	case l >= slog.LevelInfo:
		return zapcore.InfoLevel
	}
	return zapcore.DebugLevel
}
