# Work with your project's data from R: haven_tables(), haven_sql("select ..."), haven_submit(...), haven_why().
#
# Each call asks the workspace's own Python client (haven/for_r.py), so that R and Python meet the same rules, the same
# limits and the same sentences. A refusal is a condition of class `haven_refused` with `code`, `reason` and `mend`.

# The tables that your project's approval gives you: one row per column.
haven_tables <- function() {
  tables <- .haven_ask(list(what = "tables"))$tables
  rows <- lapply(tables, function(one) {
    data.frame(table = one$name, column = names(one$columns), type = as.character(unlist(one$columns)))
  })
  if (length(rows)) do.call(rbind, rows) else data.frame(table = character(), column = character(), type = character())
}

# Run one SELECT and give its whole result as a data.frame. parameters: values for `?` (a vector or list without names)
# or `$name` (with names): text, numbers, dates, times, NA. There is never a part of a result. The query's number is its
# attribute `haven_query`.
haven_sql <- function(query, parameters = NULL) {
  stopifnot(is.character(query), length(query) == 1L)
  .haven_ask(list(what = "sql", query = query, parameters = .haven_parameters(parameters)))$frame
}

# May I do this, and if not, which rule says so and who can change it? ("query", "submit", ...)
haven_why <- function(action = "query") .haven_ask(list(what = "why", action = action))$why

# Submit a data.frame of counts to the airlock under a name that ends in .csv, or the paths of files: tables of counts as
# CSV, and figures and other files beside them. context: a named list with `purpose`, `description`, `count_column` and
# what else the project's disclosure profile asks for; `files`, a list by name, says of each file that is no table its
# `description` and the `counts` behind it. queries: a list of the results of haven_sql that the table was made from, or
# of their queries' numbers. request: the number of one that came back, which goes on with these files.
haven_submit <- function(table, name = NULL, context, queries = list(), request = NULL) {
  path <- table
  if (is.data.frame(table)) {
    if (is.null(name)) stop("a table is submitted under a name that ends in .csv", call. = FALSE)
    path <- tempfile(fileext = ".csv")
    on.exit(unlink(path))
    utils::write.csv(table, path, row.names = FALSE, na = "", fileEncoding = "UTF-8")
  }
  numbers <- unname(lapply(if (is.data.frame(queries)) list(queries) else as.list(queries), .haven_query))
  question <- list(what = "submit", path = path, context = context, queries = numbers)
  if (!is.null(name)) question$name <- name
  if (!is.null(request)) question$request <- request
  .haven_ask(question)$submission
}

# Your project's requests at the airlock: states, what the check found ($problems), what people said ($said).
haven_submissions <- function() .haven_ask(list(what = "submissions"))$submissions

.haven_query <- function(one) {
  number <- if (is.character(one)) one else attr(one, "haven_query")
  if (length(number) != 1L) stop("this result does not carry its query's number: keep what haven_sql gave", call. = FALSE)
  unname(number)
}

.haven_parameters <- function(parameters) {
  if (is.null(parameters)) return(NULL)
  values <- lapply(as.list(parameters), function(value) {
    if (inherits(value, "Date")) value <- format(value, "%Y-%m-%d")
    if (inherits(value, "POSIXt")) value <- format(value, "%Y-%m-%dT%H:%M:%OS6", tz = "UTC")
    if (is.factor(value)) value <- as.character(value)
    if (!is.null(value) && (length(value) != 1L || !is.atomic(value))) stop("each parameter is one value", call. = FALSE)
    value
  })
  if (length(values) == 0L && is.null(names(values))) list() else values
}

.haven_ask <- function(request) {
  path <- tempfile("ask-")
  writeLines(jsonlite::toJSON(request, auto_unbox = TRUE, null = "null", na = "null", digits = I(17)), path, useBytes = TRUE)
  answer <- pipe(paste("exec python -P -m haven.for_r", shQuote(path)), "rb")
  on.exit({ close(answer); unlink(path) })
  size <- .haven_read(answer, "integer", 1L)
  header <- jsonlite::fromJSON(.haven_text(.haven_read(answer, "raw", size)), simplifyVector = FALSE)
  if (!is.null(header$error)) .haven_stop(header$error)
  for (note in header$notes) warning(note, call. = FALSE)
  if (!is.null(header$columns)) {
    header$frame <- .haven_frame(answer, header$columns, header$rows)
    attr(header$frame, "haven_query") <- header$query
  }
  header
}

.haven_read <- function(answer, what, count) {
  values <- readBin(answer, what, count, endian = "little")
  if (length(values) != count) {
    .haven_stop(list(kind = "Incomplete", message = "The answer broke off before its end; nothing of it is given."))
  }
  values
}

.haven_text <- function(raw) {
  text <- rawToChar(raw)
  Encoding(text) <- "UTF-8"
  text
}

.haven_stop <- function(told) {
  kinds <- c(Refused = "haven_refused", Incomplete = "haven_incomplete", GatewayDown = "haven_gateway_down")
  kind <- unname(kinds[told$kind])
  fields <- list(message = told$message, call = NULL, code = told$code, reason = told$reason, mend = told$mend)
  stop(structure(class = c(kind[!is.na(kind)], "haven_error", "error", "condition"), fields))
}

.haven_frame <- function(answer, columns, rows) {
  read <- lapply(columns, .haven_column, answer = answer, rows = rows)
  names(read) <- vapply(columns, function(one) one$name, "")
  structure(read, class = "data.frame", row.names = .set_row_names(rows))
}

.haven_column <- function(one, answer, rows) {
  whole <- function() .haven_read(answer, "integer", rows)
  numbers <- function() .haven_read(answer, "double", rows)
  coded <- function() {
    lengths <- .haven_read(answer, "integer", one$levels)
    levels <- readChar(answer, lengths, useBytes = TRUE)
    Encoding(levels) <- "UTF-8"
    list(levels = levels, codes = whole())
  }
  switch(one$kind,
    integer = whole(),
    double = numbers(),
    logical = as.logical(whole()),
    date = structure(numbers(), class = "Date"),
    time = structure(numbers(), class = c("POSIXct", "POSIXt"), tzone = "UTC"),
    seconds = structure(numbers(), class = "difftime", units = "secs"),
    text = { read <- coded(); read$levels[read$codes] },
    factor = { read <- coded(); structure(read$codes, levels = read$levels, class = "factor") }
  )
}
