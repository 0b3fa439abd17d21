using System.Globalization;

namespace Stentor.Cli.Olympics.Replay;

/// <summary>How many medals a second are played.</summary>
internal static class ReplayRate
{
    private const string Off = "off";
    private const string Unit = "/s";

    /// <summary>Reads a rate: <c>500/s</c>, <c>500</c> or <c>off</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="perSecond">Medals a second; null for as fast as they are taken.</param>
    public static bool TryParse(string text, out double? perSecond)
    {
        perSecond = null;
        if (text == Off)
        {
            return true;
        }

        var number = text.EndsWith(Unit, StringComparison.Ordinal) ? text[..^Unit.Length] : text;
        if (!double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) || value is not (>= 0.001 and <= 1e6))
        {
            return false;
        }

        perSecond = value;
        return true;
    }
}
