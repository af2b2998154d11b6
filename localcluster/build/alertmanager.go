package build

import (
	"bytes"
	"compress/gzip"
	_ "embed"
)

//go:embed alertmanager.html
var alertmanagerHTML []byte

// alertmanagerPage replaces Alertmanager's web interface, which needs an npm build and is
// not part of its module.
var alertmanagerPage = gzipped(alertmanagerHTML)

func gzipped(data []byte) []byte {
	var buffer bytes.Buffer
	writer := gzip.NewWriter(&buffer)
	_, _ = writer.Write(data) // writing to a buffer does not fail
	_ = writer.Close()
	return buffer.Bytes()
}
