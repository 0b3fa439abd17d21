using System.Buffers.Text;
using System.Net;
using Stentor.Load.Net;

namespace Stentor.Load.Clients;

/// <summary>A keep-alive HTTP/1.1 connection with prepared requests, one at a time.</summary>
/// <param name="server">Where to connect.</param>
/// <param name="tally">What to count into.</param>
internal sealed class HttpConnection(IPEndPoint server, Tally tally) : Connection(server, tally)
{
    /// <summary>The status that every answer must have now.</summary>
    public int ExpectedStatus { get; set; }

    /// <summary>What must stand in the body of every answer; empty for anything.</summary>
    public ReadOnlyMemory<byte> ExpectedInBody { get; init; }

    /// <inheritdoc/>
    public override void Start() => IsReady = true;

    /// <summary>Puts one request into the output.</summary>
    /// <param name="request">Headers and body, as they go on the wire.</param>
    /// <param name="expectedStatus">What must be answered.</param>
    public void Request(ReadOnlySpan<byte> request, int expectedStatus)
    {
        ExpectedStatus = expectedStatus;
        Output.Write(request);
    }

    /// <inheritdoc/>
    public override int Consume(ReadOnlySpan<byte> input)
    {
        var headEnd = input.IndexOf("\r\n\r\n"u8);
        if (headEnd < 0)
        {
            return 0;
        }

        var head = input[..(headEnd + 2)];
        var length = BodyLength(head, input[(headEnd + 4)..]);
        if (length < 0 || input.Length < headEnd + 4 + length)
        {
            return 0;
        }

        if (!Utf8Parser.TryParse(head["HTTP/1.1 ".Length..], out int status, out _) || status != ExpectedStatus)
        {
            Fail($"Expected status {ExpectedStatus}: {Excerpt(input)}");
        }

        if (input.Slice(headEnd + 4, length).IndexOf(ExpectedInBody.Span) < 0)
        {
            Fail($"Another answer than expected: {Excerpt(input[(headEnd + 4)..])}");
        }

        Acknowledged();
        return headEnd + 4 + length;
    }

    /// <summary>The length of a body, with its chunk lines where it is chunked; -1 when more is needed to know.</summary>
    private int BodyLength(ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        var at = head.IndexOf("\r\nContent-Length: "u8);
        if (at < 0)
        {
            at = head.IndexOf("\r\nContent-length: "u8); // As Python writes it.
        }

        if (at >= 0)
        {
            return Utf8Parser.TryParse(head[(at + 18)..], out int length, out _) ? length : 0;
        }

        if (head.IndexOf("\r\nTransfer-Encoding: chunked"u8) < 0)
        {
            return 0; // 304 has no body and need not say so.
        }

        var consumed = 0;
        while (true)
        {
            var end = body[consumed..].IndexOf("\r\n"u8);
            if (end < 0)
            {
                return -1;
            }

            if (!Utf8Parser.TryParse(body.Slice(consumed, end), out int chunk, out _, 'x'))
            {
                Fail($"Not a chunk: {Excerpt(body[consumed..])}");
                return 0;
            }

            consumed += end + 2 + chunk + 2;
            if (chunk == 0)
            {
                return consumed;
            }

            if (consumed > body.Length)
            {
                return -1;
            }
        }
    }
}
