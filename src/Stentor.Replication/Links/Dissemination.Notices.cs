namespace Stentor.Replication;

/// <content>
/// Notices: what a process tells every other one of the cluster at once. Flooded, since they are few and nobody asks for one again: each passes on what it has not
/// heard, so that whoever can be reached at all hears it by the quickest way.
/// </content>
public sealed partial class Dissemination
{
    /// <summary>Longest body of a notice, in bytes. 64 KiB: many times what a process has to say of itself. A peer's longer one ends its link.</summary>
    public const int NoticeBodyBytesMax = 64 * 1024;

    /// <summary>Tells every process that can be reached. Nothing is recorded, acknowledged or sent again: whoever wants to be heard says it again from time to time.</summary>
    /// <param name="body">What to say; copied.</param>
    /// <param name="output">Receives what is to be done.</param>
    /// <exception cref="ArgumentException">It is longer than <see cref="NoticeBodyBytesMax"/>.</exception>
    public void SendNotice(ReadOnlyMemory<byte> body, LinkOutput output)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(body.Length, NoticeBodyBytesMax, nameof(body));
        Spread(LinkCodec.Encode(new LinkMessage.Notice(_self.Instance, ++_ownNotices, body)), except: null, output);
    }

    private void OnNotice(Link link, LinkMessage.Notice notice, ReadOnlyMemory<byte> bytes, long now, LinkOutput output)
    {
        if (notice.Instance == _self.Instance || !_heardNotices.IsNews(notice.Instance, notice.Number))
        {
            return; // It went around, or another link brought it: in a mesh most do. That costs the link nothing of what it may bring.
        }

        // What is dropped is not remembered: another link may still bring it.
        if (!link.Notices.TryTake(bytes.Length, now) || !_heardNotices.TryAdd(notice.Instance, notice.Number, now))
        {
            output.NoticesDropped++;
            return;
        }

        output.Notices.Add(new LinkNotice(notice.Instance, notice.Body));

        // As it came: written anew it might be another one, where it was not written as this side would.
        Spread(bytes.ToArray(), link, output);
    }

    /// <summary>Sends a notice on all links but one. It is no sign of life and puts no announcement off, since the connection may drop it.</summary>
    private void Spread(byte[] message, Link? except, LinkOutput output)
    {
        foreach (var link in _links.Values)
        {
            if (link.IsOpen && link != except)
            {
                output.Sends.Add(new LinkSend(link.Number, message, 0) { IsNotice = true });
            }
        }
    }
}
