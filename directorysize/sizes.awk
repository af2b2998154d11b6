# Converts the output of du -k for $HOST/./DIRECTORY into samples.
BEGIN {
	root = ENVIRON["HOST"] "/."
	threshold = ENVIRON["THRESHOLD"] + 0
	for (i = 1; i < 256; i++) byte[sprintf("%c", i)] = i
}

# No file has a /./ in its path. A line without it continues the path of the previous
# line, which contains a newline.
{
	tab = index($0, "\t")
	if (tab > 1 && substr($0, tab + 1, length(root) + 1) == root "/") {
		report()
		size = $1 * 1024
		path = substr($0, tab + 1 + length(root))
	} else {
		path = path "\n" $0
	}
}

END { report() }

function report() {
	if (path != "" && size >= threshold) printf "node_directory_size_bytes{path=\"%s\"} %.0f\n", escape(path), size
}

# escape returns s as a label value. Prometheus rejects a page that is not valid UTF-8,
# so invalid bytes become \xNN.
function escape(s,   out, i, n, c) {
	for (i = 1; i <= length(s); i += n) {
		n = character(s, i)
		c = substr(s, i, n)
		if (n == 0) {
			out = out sprintf("\\\\x%02x", byte[substr(s, i, 1)])
			n = 1
		} else if (c == "\n") out = out "\\n"
		else if (c == "\"" || c == "\\") out = out "\\" c
		else out = out c
	}
	return out
}

# character returns the length in bytes of the UTF-8 character at s[i], or 0 if it is invalid:
# https://www.unicode.org/versions/Unicode16.0.0/core-spec/chapter-3/#G27506
function character(s, i,   first, n, k, low, high) {
	first = byte[substr(s, i, 1)]
	low = 128
	high = 191
	if (first < 128) return 1
	if (first < 194 || first > 244) return 0
	n = first < 224 ? 2 : first < 240 ? 3 : 4
	# Outside of these limits the encoding is overlong, a surrogate or beyond U+10FFFF.
	if (first == 224) low = 160
	if (first == 237) high = 159
	if (first == 240) low = 144
	if (first == 244) high = 143
	for (k = i + 1; k < i + n; k++) {
		if (byte[substr(s, k, 1)] < low || byte[substr(s, k, 1)] > high) return 0
		low = 128
		high = 191
	}
	return n
}
