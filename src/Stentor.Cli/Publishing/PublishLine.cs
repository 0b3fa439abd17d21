using System.Text.Json;
using Stentor.Client;
using Stentor.Protocol;

namespace Stentor.Cli.Publishing;

/// <summary>Reads what a line of input, or the command line, wants published.</summary>
internal static class PublishLine
{
    // How much is too much is the node's to say; it names its limit.
    private static readonly Limits NoLimits = Limits.Default with { ActivityBytesMax = int.MaxValue, EffectFieldsMax = int.MaxValue, FieldNameBytesMax = int.MaxValue };

    /// <summary>Reads a whole body as <c>POST …/activities</c> takes it, in which <c>channel</c> may stand too.</summary>
    /// <param name="json">The text; the result keeps parts of it.</param>
    /// <param name="channel">The channel when the body names none; null when it must.</param>
    /// <exception cref="ProtocolException">It is malformed, or there is no channel.</exception>
    public static Publish ReadBody(ReadOnlyMemory<byte> json, string? channel)
    {
        var named = channel;
        var body = JsonRules.Read(json.Span, NoLimits.DepthMax, PublishBody.DepthAround, (ref reader, text) =>
        {
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                throw Malformed("A body must be an object with `activity` or `effect`.");
            }

            var builder = new PublishBodyBuilder(json, NoLimits);
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("channel"u8))
                {
                    reader.Read();
                    named = reader.TokenType == JsonTokenType.String ? reader.GetString() : throw Malformed("`channel` must be a string.");
                }
                else if (!builder.TryRead(ref reader, text))
                {
                    throw Malformed($"A body has the key '{Printable.Cut(reader.GetString()!)}'; it takes channel, activity, effect, if, id, after and copies."); // A name is a string.
                }
            }

            return builder.Build();
        });
        return new Publish
        {
            Channel = named ?? throw Malformed("The body names no `channel`, and the command line does not either."),
            Activity = body.Activity,
            Effect = body.Effect,
            IfExists = body.Exists,
            IfVersion = body.Version,
            Id = body.Id,
            After = body.After is null ? null : SeenToken.Encode(body.After),
            Copies = body.Copies,
        };
    }

    /// <summary>Reads an effect.</summary>
    /// <param name="json">Its JSON: <c>{"set": …, "add": …, "remove": …}</c>.</param>
    /// <exception cref="ProtocolException">It is malformed.</exception>
    public static Effect ReadEffect(ReadOnlyMemory<byte> json) => JsonRules.Read(
        json.Span, NoLimits.DepthMax, 1, static (ref reader, text) => Effect.Read(ref reader, text, NoLimits));

    private static ProtocolException Malformed(string detail) => new(ErrorType.Malformed, detail);
}
