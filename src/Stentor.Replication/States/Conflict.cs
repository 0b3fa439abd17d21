using System.Buffers;
using System.Globalization;
using System.Text;
using Stentor.Protocol;

namespace Stentor.Replication;

/// <summary>Two changes of a field of which neither author knew the other: one of them has no effect.</summary>
/// <param name="Field">The field.</param>
/// <param name="Lost">The one without effect.</param>
/// <param name="Winner">The one it gave way to: a set or remove.</param>
internal sealed record Conflict(string Field, FieldChange Lost, FieldChange Winner) : IComparable<Conflict>
{
    /// <summary>Newest loss first; alike in every region.</summary>
    /// <param name="other">What to compare with.</param>
    public int CompareTo(Conflict? other)
    {
        if (other is null)
        {
            return -1;
        }

        var order = other.Lost.Stamp.CompareTo(Lost.Stamp);
        order = order != 0 ? order : string.CompareOrdinal(Field, other.Field);
        return order != 0 ? order : other.Winner.Stamp.CompareTo(Winner.Stamp);
    }

    /// <summary>Writes it as JSON: <c>{"field", "lost": {…}, "winner": {…}}</c>.</summary>
    /// <param name="writer">Where it goes.</param>
    public void Write(IBufferWriter<byte> writer)
    {
        writer.Write("{\"field\":"u8);
        JsonText.Write(Field, writer);
        writer.Write(",\"lost\":"u8);
        Write(Lost, writer);
        writer.Write(",\"winner\":"u8);
        Write(Winner, writer);
        writer.Write("}"u8);
    }

    private static void Write(FieldChange change, IBufferWriter<byte> writer)
    {
        switch (change.Kind)
        {
            case FieldChangeKind.Set:
                writer.Write("{\"set\":"u8);
                writer.Write(change.Value.Span);
                break;
            case FieldChangeKind.Add:
                writer.Write("{\"add\":"u8);
                change.Amount.Write(writer);
                break;
            default:
                writer.Write("{\"remove\":true"u8);
                break;
        }

        var text = string.Create(
            CultureInfo.InvariantCulture,
            $",\"origin\":\"{change.Stamp.Origin}\",\"seq\":{change.Stamp.Seq},\"time\":\"{EntryTime.ToText(change.Stamp.Time)}\",\"author\":\"{change.Author}\"}}");
        writer.Write(Encoding.UTF8.GetBytes(text));
    }
}
