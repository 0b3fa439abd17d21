using Stentor.Replication;

namespace Stentor.Simulation;

/// <summary>What a message between regions says, in short.</summary>
internal static class MessageText
{
    /// <summary>The text of a message.</summary>
    /// <param name="message">Its bytes.</param>
    public static string Of(ReadOnlyMemory<byte> message)
    {
        try
        {
            return LinkCodec.Decode(message) switch
            {
                LinkMessage.Hello hello => $"hello from {hello.Origin}",
                LinkMessage.Proof => "proof",
                LinkMessage.Announce announce => $"has {announce.Seen}",
                LinkMessage.Entries entries => string.Join(' ', entries.Items.Select(item => Fact.Read(item.Span).Name)),
                LinkMessage.Prune prune => $"prune {string.Join(' ', prune.Origins)}",
                LinkMessage.Graft graft => $"graft {string.Join(' ', graft.From.Select(pair => $"{pair.Key} from {pair.Value + 1}"))}",
                LinkMessage.Bye bye => $"bye: {bye.Type}",
                LinkMessage.Notice notice => $"notice {notice.Number} of {notice.Instance}",
                var other => $"{other}",
            };
        }
        catch (FormatException e)
        {
            return e.Message;
        }
    }
}
