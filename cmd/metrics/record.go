package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// record replaces the recording of an exporter, if there is one, by a scrape without its help texts.
// Of several targets, the one with the most metrics remains.
func (c *collector) record(s source, text []byte, families int) error {
	path := filepath.Join(c.recordings, s.exporter+".prom.gz")
	if _, err := os.Stat(path); c.recordings == "" || errors.Is(err, fs.ErrNotExist) || families <= c.recorded[s.exporter] {
		return nil
	}
	c.recorded[s.exporter] = families
	var b bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte("# HELP ")) {
			continue
		}
		if _, err := compressed.Write(line); err != nil {
			return err
		}
	}
	if err := compressed.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}
