using System.Text;
using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Cli.Demos.Network;

/// <summary>An activity as clients are told it, taken apart so that two can be compared as JSON values: whoever passes one on may write it differently.</summary>
/// <param name="User">Its <c>authenticated_user</c>; empty for none.</param>
/// <param name="Value">The rest, with the members of each object in order and without white space.</param>
internal readonly record struct Broadcast(string User, string Value)
{
    private const string UserMember = "authenticated_user";

    /// <summary>What is broadcast when somebody publishes something.</summary>
    /// <param name="user">Who.</param>
    /// <param name="activity">What: one JSON object.</param>
    public static Broadcast Of(string user, ReadOnlyMemory<byte> activity) => Read(activity) with { User = user };

    /// <summary>Reads what was broadcast.</summary>
    /// <param name="activity">One JSON object.</param>
    public static Broadcast Read(ReadOnlyMemory<byte> activity)
    {
        using var document = JsonDocument.Parse(activity);
        var root = document.RootElement;
        var user = root.TryGetProperty(UserMember, out var member) && member.ValueKind == JsonValueKind.String ? member.GetString()! : ""; // It is a string.
        var text = new ByteBuffer(activity.Length + 16);
        using (var writer = new Utf8JsonWriter(text))
        {
            WriteObject(root, UserMember, writer);
        }

        return new Broadcast(user, Encoding.UTF8.GetString(text.WrittenSpan));
    }

    /// <inheritdoc/>
    public override string ToString() => $"{(User.Length == 0 ? "nobody" : User)}: {Printable.Cut(Value, 100)}";

    private static void WriteObject(JsonElement value, string? without, Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        foreach (var member in value.EnumerateObject().Where(member => member.Name != without).OrderBy(member => member.Name, StringComparer.Ordinal))
        {
            writer.WritePropertyName(member.Name);
            Write(member.Value, writer);
        }

        writer.WriteEndObject();
    }

    private static void Write(JsonElement value, Utf8JsonWriter writer)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                WriteObject(value, without: null, writer);
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in value.EnumerateArray())
                {
                    Write(item, writer);
                }

                writer.WriteEndArray();
                break;
            default:
                value.WriteTo(writer); // Numbers keep their digits.
                break;
        }
    }
}
