# Turns the log of nbdkit's log filter into a fio iolog, version 3.
#
# A request is taken at the time it was issued; the lines about its completion begin with three
# dots and are skipped. Every awk will do.
#
#   Read        read
#   Write       write, and with fua a datasync behind it
#   Zero        write, because what is read back afterwards are zeros whatever the disk does
#   Trim        trim
#   Flush       sync

BEGIN { file = "/volume"; print "fio version 3 iolog" }

function hex(s,    i, n) {
	s = tolower(s)
	sub(/^0x/, "", s)
	for (i = 1; i <= length(s); i++)
		n = n * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
	return n + 0
}

# arg returns what follows name= in the current line.
function arg(name,    i) {
	for (i = 5; i <= NF; i++)
		if (index($i, name "=") == 1)
			return substr($i, length(name) + 2)
	return ""
}

# stamp is in microseconds since the first request; the log has only the time of the day.
function stamp(    p, t) {
	split($2, p, ":")
	t = p[1] * 3600000000 + p[2] * 60000000 + int(p[3] * 1000000 + 0.5) + days * 86400000000
	if (t < last - 43200000000) { days++; t += 86400000000 }
	last = t
	if (!begun) {
		begun = 1
		start = t
		printf "0 %s add\n0 %s open\n", file, file
	}
	return t - start
}

function emit(action, offset, count) {
	printf "%.0f %s %s %.0f %.0f\n", now, file, action, offset, count
}

$4 ~ /^(Read|Write|Zero|Trim|Flush)$/ {
	now = stamp()
	if ($4 == "Flush") { emit("sync", 0, 0); next }
	action = ($4 == "Zero") ? "write" : tolower($4)
	emit(action, hex(arg("offset")), hex(arg("count")))
	if (arg("fua") == "1") emit("datasync", 0, 0)
}

END { if (begun) printf "%.0f %s close\n", last - start, file }
