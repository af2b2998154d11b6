package build

import (
	"bytes"
	"compress/gzip"
	_ "embed"
)

//go:embed alertmanager.html
var alertmanagerHTML []byte

// alertmanagerPage stands in the place of Alertmanager's web interface, which is
// the result of an npm build that its module comes without.
var alertmanagerPage = gzipped(alertmanagerHTML)

func gzipped(data []byte) []byte {
	var buffer bytes.Buffer
	writer := gzip.NewWriter(&buffer)
	_, _ = writer.Write(data) // a buffer takes everything
	_ = writer.Close()
	return buffer.Bytes()
}
