"""What a kernel says, in messages of a size that everybody on their way can hold."""

from jupyter_client.session import Session

# Characters of text in one message. A cell that prints without a pause says everything in one.
PIECE = 1 << 20
# Bytes of a message with any other output: the relay holds it some three times.
LARGEST = 12 << 20
OUTPUTS = ("display_data", "update_display_data", "execute_result", "error")


class Outputs(Session):
    def send(self, stream, msg_or_type, content=None, parent=None, ident=None, **kwargs):
        whole = {"content": content, "parent_header": parent, "msg_type": msg_or_type}
        if isinstance(msg_or_type, dict):
            whole = msg_or_type
        text = whole["content"].get("text") if whole["msg_type"] == "stream" else None
        if text is None or len(text) <= PIECE:
            return super().send(stream, msg_or_type, content=content, parent=parent, ident=ident, **kwargs)
        for at in range(0, len(text), PIECE):
            piece = {**whole["content"], "text": text[at : at + PIECE]}
            sent = super().send(stream, "stream", content=piece, parent=whole["parent_header"], ident=ident, **kwargs)
        return sent

    def serialize(self, msg, ident=None):
        parts = super().serialize(msg, ident)
        size = sum(len(part) for part in parts)
        if size <= LARGEST or msg["header"]["msg_type"] not in OUTPUTS:
            return parts
        text = f"[an output of {size >> 20} MiB was left out: a cell shows at most {LARGEST >> 20} MiB at once, write more into a file]\n"
        return super().serialize(self.msg("stream", {"name": "stderr", "text": text}, parent=msg["parent_header"]), ident)
