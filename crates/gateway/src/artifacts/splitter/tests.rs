//! Streams as clients send them, cut anywhere.

use proptest::prelude::*;

use super::*;

const LIST: &str = "files/add-artifacts-1729-<object at 0x7f>.json";

fn number(number: u8, mut value: u64) -> Vec<u8> {
    let mut field = vec![number << 3];
    while value >= 0x80 {
        field.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    field.push(u8::try_from(value).unwrap());
    field
}

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = BytesMut::new();
    put_field(&mut field, number, content);
    field.to_vec()
}

fn chunk(data: &[u8]) -> Vec<u8> {
    [field(1, data), number(2, crc32fast::hash(data).into())].concat()
}

fn single(name: &str, data: &[u8]) -> Vec<u8> {
    field(1, &[field(1, name.as_bytes()), field(2, &chunk(data))].concat())
}

/// A request with this payload.
fn request(payload: &[u8]) -> Vec<u8> {
    let head = [field(1, b"the-session"), field(2, &field(1, b"ann"))].concat();
    framed(&[&head, payload, &field(6, b"client")].concat()).to_vec()
}

fn batch(entries: &[Vec<u8>]) -> Vec<u8> {
    request(&field(3, &entries.concat()))
}

/// An artifact in so many pieces.
fn pieces(name: &str, data: &[u8], count: usize) -> Vec<u8> {
    let size = data.len().div_ceil(count).max(1);
    let mut parts = data.chunks(size);
    let begin = [
        field(1, name.as_bytes()),
        number(2, data.len() as u64),
        number(3, data.chunks(size).len() as u64),
        field(4, &chunk(parts.next().unwrap_or_default())),
    ];
    let mut stream = request(&field(4, &begin.concat()));
    parts.for_each(|part| stream.extend(request(&field(5, &chunk(part)))));
    stream
}

/// What comes through and what is taken, with the stream in these pieces.
fn split(pieces: &[&[u8]]) -> Result<(Vec<u8>, Splitter), Refusal> {
    let (mut splitter, mut passed) = (Splitter::default(), Vec::<Bytes>::new());
    for piece in pieces {
        splitter.push(Bytes::copy_from_slice(piece), &mut passed)?;
    }
    splitter.end(&mut passed)?;
    Ok((passed.concat(), splitter))
}

fn refused(stream: &[u8]) -> Refusal {
    split(&[stream]).expect_err("this is refused")
}

#[test]
fn a_list_is_taken_out_of_a_batch_and_the_rest_of_it_passes() {
    let stream = batch(&[single("jars/a.jar", b"jar"), single(LIST, b"{}"), single("files/b", b"bee")]);
    let (passed, splitter) = split(&[&stream]).unwrap();
    assert_eq!(passed, batch(&[single("jars/a.jar", b"jar"), single("files/b", b"bee")]));
    assert_eq!(splitter.lists(), [List { name: LIST.to_owned(), content: b"{}".to_vec() }]);
    let subject = splitter.subject().unwrap();
    assert_eq!(
        (subject.session_id.as_str(), subject.user_context.as_deref()),
        ("the-session", Some(&b"\x0a\x03ann"[..]))
    );
}

#[test]
fn names_that_are_only_similar_pass() {
    for name in [
        "files/add-artifacts-1729-.jso",
        "add-artifacts-1729-x.json",
        "files/add-artifacts-1729.json",
        "cache/x",
    ] {
        let stream = [batch(&[single(name, b"{}")]), pieces(name, b"{}", 2)].concat();
        let (passed, splitter) = split(&[&stream]).unwrap();
        assert_eq!((passed, splitter.lists().len()), (stream, 0), "{name}");
    }
}

#[test]
fn what_cannot_be_read_passes_as_it_is() {
    let mut compressed = batch(&[single(LIST, b"{}")]);
    compressed[0] = 1;
    let twice = request(&[field(3, &single(LIST, b"{}")), field(3, &single("files/b", b""))].concat());
    let cut = batch(&[single("jars/a.jar", b"jar")]);
    for stream in [&compressed[..], &framed(&[0x0f]), b"no grpc", &twice, &cut[..cut.len() - 1], &cut[..3]] {
        let (passed, splitter) = split(&[stream]).unwrap();
        assert_eq!((&passed[..], splitter.lists().len()), (stream, 0));
    }
}

#[test]
fn a_message_that_is_too_long_passes_in_pieces_and_is_never_held() {
    let stream = batch(&[single("jars/a.jar", &vec![7; MESSAGE_LIMIT]), single(LIST, b"{}")]);
    let (mut splitter, mut passed) = (Splitter::default(), Vec::<Bytes>::new());
    for piece in stream.chunks(10_000) {
        splitter.push(Bytes::copy_from_slice(piece), &mut passed).unwrap();
        assert!(splitter.held.len() < FRAME_HEADER);
    }
    assert_eq!((passed.concat(), splitter.lists().len()), (stream, 0));
}

#[test]
fn lists_that_are_damaged_not_whole_or_too_long_end_the_call() {
    let mut damaged = batch(&[single(LIST, b"{}")]);
    let at = damaged.windows(2).position(|two| two == b"{}").unwrap();
    damaged[at] = b'[';
    assert_eq!(refused(&damaged).code, Code::DataLoss);

    let three = pieces(LIST, b"012345678", 3);
    let one = pieces(LIST, b"0", 1).len();
    for stream in [three[..three.len() - 40].to_vec(), [&three[..one + 3], &batch(&[])].concat()] {
        let refusal = refused(&stream);
        assert_eq!(refusal.code, Code::InvalidArgument);
        assert!(refusal.message.contains(LIST), "{refusal}");
    }
    let long = vec![b' '; CONTENT_LIMIT];
    assert!(split(&[&pieces(LIST, &long, 3)]).is_ok());
    for stream in [
        [pieces(LIST, &long, 3), batch(&[single(LIST, b"x")])].concat(),
        pieces(LIST, &[long, b"x".to_vec()].concat(), 3),
    ] {
        assert!(refused(&stream).message.contains("is longer than 64 KiB"), "{}", refused(&stream));
    }
}

/// A part of a stream, and what of it passes.
#[derive(Debug, Clone)]
enum Part {
    Batch(Vec<(bool, Vec<u8>)>),
    Pieces(bool, Vec<u8>, usize),
}

impl Part {
    fn stream(&self, lists: bool) -> Vec<u8> {
        let name = |list: bool| if list { LIST } else { "files/other.json" };
        match self {
            Self::Batch(entries) => {
                let all = entries.iter().filter(|(list, _)| lists || !list);
                let kept: Vec<_> = all.map(|(list, data)| single(name(*list), data)).collect();
                let emptied = kept.is_empty() && !entries.is_empty();
                if emptied { Vec::new() } else { batch(&kept) }
            }
            Self::Pieces(list, data, count) if lists || !list => pieces(name(*list), data, *count),
            Self::Pieces(..) => Vec::new(),
        }
    }

    fn lists(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Batch(entries) => {
                entries.iter().filter(|(list, _)| *list).map(|(_, data)| data.clone()).collect()
            }
            Self::Pieces(true, data, _) => vec![data.clone()],
            Self::Pieces(false, ..) => Vec::new(),
        }
    }
}

fn part() -> impl Strategy<Value = Part> {
    let data = || proptest::collection::vec(any::<u8>(), 0..300);
    prop_oneof![
        proptest::collection::vec((any::<bool>(), data()), 0..4).prop_map(Part::Batch),
        (any::<bool>(), data(), 1..5_usize).prop_map(|(list, data, count)| Part::Pieces(list, data, count)),
    ]
}

proptest! {
    #[test]
    fn lists_are_taken_and_the_rest_passes_however_the_stream_is_cut(
        parts in proptest::collection::vec(part(), 0..5),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..8),
    ) {
        let stream: Vec<u8> = parts.iter().flat_map(|part| part.stream(true)).collect();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        at.extend([0, stream.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> = at.windows(2).map(|two| &stream[two[0]..two[1]]).collect();
        let (passed, splitter) = split(&pieces).unwrap();
        prop_assert_eq!(passed, parts.iter().flat_map(|part| part.stream(false)).collect::<Vec<u8>>());
        let lists: Vec<Vec<u8>> = splitter.lists().iter().map(|list| list.content.clone()).collect();
        prop_assert_eq!(lists, parts.iter().flat_map(Part::lists).collect::<Vec<_>>());
    }

    #[test]
    fn any_bytes_get_some_answer_and_pass_unless_there_is_a_list(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let (passed, _) = split(&[&body]).unwrap();
        prop_assert_eq!(passed, body);
    }
}
