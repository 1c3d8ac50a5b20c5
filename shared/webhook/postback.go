package webhook

import "strings"

// The ways of PostBack: by version of its API, and whether several events go
// into one call.
const (
	FormatPostback10   = FormatPostback + "-1.0"
	FormatPostbackBulk = FormatPostback + "-bulk"     // compressed
	FormatPostbackOld  = FormatPostback + "-bulk-1.0" // not compressed
)

// PostbackFormat is the format of a version (1.0 or 1.1) of PostBack.
func PostbackFormat(version string, bulk bool) string {
	name := FormatPostback
	if bulk {
		name += "-bulk"
	}
	if version == "1.0" {
		name += "-1.0"
	}
	return name
}

// PostbackVersion reads what PostbackFormat has made. Other formats count as
// 1.1, one event a call.
func PostbackVersion(format string) (version string, bulk bool) {
	rest, postback := strings.CutPrefix(format, FormatPostback)
	if !postback {
		return "1.1", false
	}
	version = "1.1"
	if strings.HasSuffix(rest, "-1.0") {
		version = "1.0"
	}
	return version, strings.HasPrefix(rest, "-bulk")
}

// PostbackFormats are all of them.
func PostbackFormats() []string {
	return []string{FormatPostback, FormatPostback10, FormatPostbackBulk, FormatPostbackOld}
}
